"""Bad input, kind by kind: each gets one clear line that names the thing and the fix, and a documented exit status.

Each file is one room of a table: its `KINDS` say how each kind is made, what a user types, how it ends, and what its
line must say.
"""

import pytest

pytest.register_assert_rewrite("tests.bad_input.kinds")
