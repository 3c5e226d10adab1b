"""How close the numbers are to Ballchasing's: grades of fields, scores and their report."""
