"""Never described."""

from perfbench import mode

@mode
def half(
