"""Arguments as a shell gives them, spelt as the parser wants them."""

MANY = ("--target", "--origins", "--horizons")


def repeat_options(arguments: list[str]) -> list[str]:
    """Return the arguments with ``--horizons 1 2 3`` spelt as the parser wants it, the option before each value."""
    spread: list[str] = []
    option = ""
    for argument in arguments:
        if argument.startswith("-"):
            option = argument if argument in MANY and arguments[0] == "backtest" else ""
        elif option and spread[-1] != option:
            spread.append(option)
        spread.append(argument)
    return spread
