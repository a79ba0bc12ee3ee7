"""What a study is: declared, checked, found by name, shown in words."""
