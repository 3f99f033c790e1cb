"""What becomes of what was written: amended, corrected, sent again, looked for, recalled."""
