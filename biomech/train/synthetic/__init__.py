"""People whose truth is known: drawn before a camera, and what the real detector says of them."""
