"""What `import biomech` gives: the functions, each in a file of its name; nouns in, nouns out, no files needed.

Torch, OpenSim and the like are imported where a function is called: its signature is there at once.
"""
