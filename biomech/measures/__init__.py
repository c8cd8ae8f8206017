"""Events and measures of a motion: strides, repetitions and jumps, and what is read off them."""
