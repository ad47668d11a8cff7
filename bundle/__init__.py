"""What dist/ needs besides copying: the Python archives and the sizes. build.py calls it."""
