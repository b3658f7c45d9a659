# Sources of src/motion.
