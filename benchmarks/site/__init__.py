"""The documentation as a site: its pages gathered, those that follow from the code written."""
