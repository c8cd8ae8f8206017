"""Bodies that other programs recovered or recorded, read as meshes through time: a file for each family of sources."""
