"""What users keep: projects and workflows, their versions, the recycle bin, templates."""
