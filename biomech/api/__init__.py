"""What `import biomech` gives: the functions, each in a file of its name; nouns in, nouns out, no files needed."""
