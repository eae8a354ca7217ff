/** Names with their values, one below the other. */
export function Facts({ facts }: { facts: readonly (readonly [string, string])[] }) {
    return (
        <dl class="facts">
            {facts.map(([name, value]) => (
                <div key={name}>
                    <dt>{name}</dt>
                    <dd>{value}</dd>
                </div>
            ))}
        </dl>
    );
}
