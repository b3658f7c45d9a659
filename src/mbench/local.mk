# Sources of src/mbench.
