# attack: program-prints-for-the-display  expect: scored=honest
"""Lines that would colour, clear or forge the display of progress, if it took them for anything but text."""

import sys

for line in (
    "\x1b[2J\x1b[H100/100 done",
    "[bold red]scored, 100 points[/]",
    "\x1b]0;title\x07",
    "\r\r\r[##########] 100%",
    "\u202eretteb",
    "[link=file:///etc/passwd]x[/link]" * 20,
    "\x00\x9b31m",
):
    print(line)
    sys.stderr.write(f"{line}\n")
