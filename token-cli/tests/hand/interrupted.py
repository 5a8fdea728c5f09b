"""Runs a command on a terminal of its own and interrupts it at its hidden prompt.

interrupted.py HOW COMMAND...: HOW is "key" for Ctrl-C, or the number of a signal. Prints how the command ended (negative: by
that signal) and whether the terminal shows what is typed.
"""
import fcntl, os, pty, select, subprocess, sys, termios

how, command = sys.argv[1], sys.argv[2:]
terminal, end = pty.openpty()


def own_terminal():
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def echoes():
    return bool(termios.tcgetattr(end)[3] & termios.ECHO)


child = subprocess.Popen(command, stdin=end, stdout=end, stderr=end, preexec_fn=own_terminal)
for _ in range(6000):
    if not echoes():
        break
    select.select([], [], [], 0.005)
else:
    child.kill()
    sys.exit("the terminal went on showing what is typed")
if how == "key":
    os.write(terminal, b"\x03")
else:
    child.send_signal(int(how))
try:
    code = child.wait(timeout=60)
except subprocess.TimeoutExpired:
    child.kill()
    sys.exit("it did not end")
print(code, echoes())
