import { getMetadataStorage } from 'class-validator';
import { fieldRules, rulesOf, type Rule } from './known-fields.js';

type Check = (object: object, value: unknown) => boolean;

/**
 * Whether a DTO certainly holds what its class declares. It says no when in doubt, and class-validator decides and tells why: that
 * prepares an error for every field of every body before it looks at one, a twentieth of what a POST costs.
 */
export function isSound(instance: object): boolean {
  const checks = checksOf(instance.constructor);
  // What class-validator knows nothing of is refused by it.
  if (checks.size === 0 || Object.keys(instance).some((name) => !checks.has(name))) return false;
  for (const [name, holds] of checks) {
    if (!holds(instance, (instance as Record<string, unknown>)[name])) return false;
  }
  return true;
}

const cache = new WeakMap<object, ReadonlyMap<string, Check>>();

/** One for each field that a class declares. */
function checksOf(model: object): ReadonlyMap<string, Check> {
  let checks = cache.get(model);
  if (!checks) {
    const rules = rulesOf(model);
    const ofField = (name: string): Rule[] => rules.filter((rule) => rule.propertyName === name);
    checks = new Map(fieldRules(model).known.map((name) => [name, fieldCheck(ofField(name))]));
    cache.set(model, checks);
  }
  return checks;
}

function fieldCheck(rules: readonly Rule[]): Check {
  const conditions = rules.filter(({ type }) => type === 'conditionalValidation').map(conditionOf);
  const constraints = rules.filter(({ type }) => type !== 'conditionalValidation').map(constraintOf);
  return (object, value) =>
    // Looked at only if all conditions want it.
    conditions.some((applies) => !applies(object, value)) || constraints.every((holds) => holds(object, value));
}

function conditionOf({ constraints }: Rule): Check {
  return constraints[0] as Check;
}

const inDoubt: Check = () => false;

/** `IsDefined` has a type of its own. */
const BY_CONSTRAINT: readonly string[] = ['customValidation', 'isDefined'];

function constraintOf(rule: Rule): Check {
  if (rule.validateIf !== undefined) return inDoubt;
  if (rule.type === 'nestedValidation') return (_, value) => value === undefined || holdsSound(value);
  if (!BY_CONSTRAINT.includes(rule.type)) return inDoubt;
  const [constraint, another] = getMetadataStorage().getTargetValidatorConstraints(rule.constraintCls);
  if (!constraint || another) return inDoubt;
  const { propertyName: property, constraints, each } = rule;
  return (object, value) => {
    const args = { targetName: object.constructor.name, property, object, value, constraints };
    const holds = (one: unknown): boolean => constraint.instance.validate(one, args) === true;
    return each && Array.isArray(value) ? value.every(holds) : holds(value);
  };
}

function holdsSound(value: unknown): boolean {
  if (Array.isArray(value)) return value.every((entry) => !Array.isArray(entry) && holdsSound(entry));
  return value instanceof Object && isSound(value);
}
