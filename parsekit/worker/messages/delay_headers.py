"""Message headers by which the broker's transport has a task wait.

They are taken off before the message is sent.
"""

from __future__ import annotations

#: Seconds until the message is to be delivered.
DELAY_HEADER = "parsekit_delay_s"
#: Whether it takes the place of a message of the same task that waits already; default yes.
REPLACE_HEADER = "parsekit_replace"
