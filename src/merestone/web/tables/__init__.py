"""The list kind: one declaration gives filters, search, order, columns, paging, selection, bulk actions and export."""
