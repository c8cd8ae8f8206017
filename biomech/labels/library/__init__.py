"""The motion library: whole-body motions as coordinates of our skeleton, with right angles."""
