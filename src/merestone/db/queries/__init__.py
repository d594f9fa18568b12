"""Read-only querysets, each already scoped to the actor: the only way a face reads rows."""
