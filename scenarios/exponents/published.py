"""The rule as the document gives it: write it down, in either order."""


def power_of_root(base, power, root):
    """The root first, then the power."""
    return (base ** (1 / root)) ** power


def root_of_power(base, power, root):
    """The power first, then the root."""
    return (base**power) ** (1 / root)


#: "Any order" gives the answer, so this one does.
rational_power = power_of_root
