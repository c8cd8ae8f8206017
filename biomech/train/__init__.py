"""The only home of what inference does not need: data, losses, schedules, the trainings."""
