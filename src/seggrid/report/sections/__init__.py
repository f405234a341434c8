"""The sections of the page: each builds its data frames, values and figures in one module, shown by one template."""
