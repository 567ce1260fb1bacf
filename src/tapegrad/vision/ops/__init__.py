"""Operations on boxes, regions and images."""
