import { getMetadataStorage } from 'class-validator';

/** Names of the fields a DTO class declares, in their order. */
export function knownFields(model: object): string[] {
  const metadata = getMetadataStorage().getTargetValidationMetadatas(model as () => void, '', false, false);
  return [...new Set(metadata.map((entry) => entry.propertyName))];
}
