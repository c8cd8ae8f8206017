"""What is behind `biopose bench`: figures of accuracy and speed. Nothing but cli/ imports it."""
