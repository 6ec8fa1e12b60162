"""The pages of a report: each module turns rows of the summary into one kind of page."""
