"""Runs a command on a terminal of its own, types what it is told to, and shows what the terminal showed.

terminal.py COLUMNSxROWS TYPED COMMAND…: each line of TYPED is typed after the terminal has shown something new that ends in
": ". The last line of the output is the exit code.
"""
import fcntl, os, pty, select, struct, sys, termios

(columns, rows), typed, command = map(int, sys.argv[1].split("x")), sys.argv[2], sys.argv[3:]
child, terminal = pty.fork()
if child == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    os.execv(command[0], command)
lines = [line for line in typed.splitlines(keepends=True)]
shown = answered = b""
while True:
    ready, _, _ = select.select([terminal], [], [], 60)
    if not ready:
        sys.exit("nothing more was shown for a minute: " + shown.decode())
    try:
        more = os.read(terminal, 4096)
    except OSError:
        break
    if not more:
        break
    shown += more
    if lines and shown.endswith(b": ") and shown != answered:
        # The echo is switched off after the prompt is written.
        for _ in range(2000):
            if not termios.tcgetattr(terminal)[3] & termios.ECHO:
                break
            select.select([], [], [], 0.005)
        answered = shown
        os.write(terminal, lines.pop(0).replace("\n", "\r").encode())
_, status = os.waitpid(child, 0)
sys.stdout.buffer.write(shown.replace(b"\r\n", b"\n"))
print("\n%d" % os.waitstatus_to_exitcode(status))
