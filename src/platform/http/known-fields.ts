import { getMetadataStorage } from 'class-validator';

/** Names of the fields a DTO class declares, in their order. */
export function knownFields(model: object): string[] {
  const metadata = getMetadataStorage().getTargetValidationMetadatas(model as () => void, '', false, false);
  return [...new Set(metadata.map((entry) => entry.propertyName))];
}

/** Names of the fields that may be given several times: those whose validators look at each value. */
export function repeatableFields(model: object): ReadonlySet<string> {
  const metadata = getMetadataStorage().getTargetValidationMetadatas(model as () => void, '', false, false);
  return new Set(metadata.filter((entry) => entry.each).map((entry) => entry.propertyName));
}
