"""The ten patients of the paper. Imports nothing: fresh processes are timed with it."""

# The ten patients of the paper: gender, age, blood pressure.
COLUMNS = ("gender", "age", "blood_pressure")
PATIENTS = [
    ("M", "adult", "normal"),
    ("M", "adult", "low"),
    ("M", "adult", "normal"),
    ("M", "adult", "high"),
    ("M", "adult", "low"),
    ("F", "child", "low"),
    ("M", "child", "low"),
    ("F", "child", "low"),
    ("M", "teen", "high"),
    ("F", "child", "normal"),
]


def records() -> list[dict[str, str]]:
    """Return the ten patients, a dictionary each."""
    return [dict(zip(COLUMNS, patient, strict=True)) for patient in PATIENTS]
