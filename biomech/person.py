"""What a user says of the person filmed, refused where nobody is so; for who asks before anything heavy is loaded."""

import numbers

from biomech.errors import BioposeError

SEXES = ("female", "male")
LIVING = 7.0, 120.0  # kg/m², set wide of what anybody alive has: beyond it a number was mistyped


def check_sex(sex: str | None) -> None:
    """Raise BioposeError for a sex of which nothing is known."""
    if sex is not None and sex not in SEXES:
        raise BioposeError(
            f"'{sex}' is none of the sexes that were measured", mend="Give `sex=female or male`, or leave it away."
        )


def check_person(height_m: float | None, mass_kg: float | None, sex: str | None = None) -> None:
    """Raise BioposeError for a height (m) or mass (kg) that no person has, alone or together, or an unmeasured sex.

    Args:
        height_m: 0.5 to 2.5; None is not known and passes, as with the others.
        mass_kg: 5 to 350; with the height a body mass index within ``LIVING``.
        sex: female or male.
    """
    check_sex(sex)
    for name, value in (("height_m", height_m), ("mass_kg", mass_kg)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, numbers.Real)):
            raise BioposeError(f"`{name}` is {value!r}, no number", mend="Give it as 1.78 (m) or 72 (kg).")
    if height_m is not None and not 0.5 <= height_m <= 2.5:
        raise BioposeError(f"a height of {height_m} m is not a person's", mend="Give `height_m` in metres, as 1.78.")
    if mass_kg is not None and not 5 <= mass_kg <= 350:
        raise BioposeError(f"a mass of {mass_kg} kg is not a person's", mend="Give `mass_kg` in kilograms, as 72.")
    if height_m is not None and mass_kg is not None and not LIVING[0] <= mass_kg / height_m**2 <= LIVING[1]:
        raise BioposeError(
            f"{mass_kg:g} kg at {height_m:g} m is nobody's (a body mass index of {mass_kg / height_m**2:.1f})",
            mend="Give `height_m` in metres and `mass_kg` in kilograms, as 1.78 and 72.",
        )
