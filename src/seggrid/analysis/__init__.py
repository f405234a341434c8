"""How sure the ranking is: tests and intervals over groups, effects of factors, and the ratio simplex as a surface."""
