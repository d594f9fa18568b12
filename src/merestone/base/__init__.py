"""What every room may use: the error tree, dated intervals, ids and units. It imports nothing of ours."""
