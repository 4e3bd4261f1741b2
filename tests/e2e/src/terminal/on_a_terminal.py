"""Runs a program on a terminal of its own and writes all that it shows there to stdout.

on_a_terminal.py ROWS COLUMNS CTRL_C_AFTER PROGRAM [ARGUMENT...]: once CTRL_C_AFTER has been shown, Ctrl-C is typed; an
empty text is never waited for. It ends with the program's exit code.
"""

import fcntl
import os
import pty
import struct
import sys
import termios

ROWS, COLUMNS, CTRL_C_AFTER = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3].encode()

child, terminal = pty.fork()
if child == 0:
    size = struct.pack("HHHH", ROWS, COLUMNS, 0, 0)
    fcntl.ioctl(1, termios.TIOCSWINSZ, size)
    os.execvp(sys.argv[4], sys.argv[4:])

shown = b""
typed = not CTRL_C_AFTER
while True:
    try:
        piece = os.read(terminal, 65536)
    except OSError:  # Linux: nobody has the other end any more.
        break
    if not piece:
        break
    shown += piece
    if not typed and CTRL_C_AFTER in shown:
        os.write(terminal, b"\x03")
        typed = True
sys.stdout.buffer.write(shown)
sys.stdout.buffer.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
