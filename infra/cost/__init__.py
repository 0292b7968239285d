"""What the product costs on AWS: counted over a test double, priced by AWS's list.

``python -m infra.cost`` writes ``docs/cost.md``. The functions that deploy run in
this process over moto, on a clock of their own; every call of AWS's API is noted
at botocore and metered as AWS meters it.
"""
