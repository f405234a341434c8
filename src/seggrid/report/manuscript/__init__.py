"""What a paper takes from an experiment: tables, methods, references, checklist and a crate, all as plain files."""
