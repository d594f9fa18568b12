"""Files in and out: mapping, normalising, matching, and the steps of an import or export."""
