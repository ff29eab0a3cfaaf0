/** Named places where a fault test may end the process. In the product nothing listens: a call and a return. */
export class KillPoints {
  constructor(private readonly kill: (point: string) => void = () => undefined) {}

  reach(point: string): void {
    this.kill(point);
  }
}
