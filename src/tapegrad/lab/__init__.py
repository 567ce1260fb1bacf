"""The lab: experiments from YAML files, sweeps, data care, pictures and reports."""
