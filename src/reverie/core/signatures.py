"""What functions of users can be called with."""

import inspect


def takes(function: object, count: int) -> bool:
    """Whether something can be called with `count` arguments by their order; it may not say."""
    if not callable(function):
        return False
    try:
        inspect.signature(function).bind(*range(count))
    except TypeError:
        return False
    except ValueError:  # a function in C that does not say it
        return True
    return True
