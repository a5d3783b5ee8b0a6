"""Where does the argument come from?"""

from perfbench import mode


@mode
def wants(server):
    return 1
