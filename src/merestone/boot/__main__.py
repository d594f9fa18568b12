"""``python -m merestone.boot``: the program without its script."""

from merestone.boot.main import main

main()
