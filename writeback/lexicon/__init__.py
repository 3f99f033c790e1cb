"""What resources are said in: codes with their sources, numbers, texts, and the words of a review."""
