"""What people would build instead, each as one small Flask app, to compare with in one run."""
