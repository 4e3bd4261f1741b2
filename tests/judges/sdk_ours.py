"""Microsoft's clients read back what our own tools made.

What our tools had to do is known from `cargo xtask judges`, which ran them: a publish and a roll-out.
"""
CHAPTERS = []
