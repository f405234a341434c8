"""From a folder of images and masks to the experiment file that a user starts from."""
