def deeper(level):
    return deeper(level + 1)


try:
    deeper(0)
except RecursionError:
    say("recursion", "refused")
