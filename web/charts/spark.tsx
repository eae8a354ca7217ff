const WIDTH = 150;
const HEIGHT = 28;

/** Bars of the last minutes, without an axis; the text beside it says what they sum to. */
export function Spark({ values }: { values: readonly number[] }) {
    const top = Math.max(1, ...values);
    const slot = WIDTH / Math.max(1, values.length);
    return (
        <svg
            class="spark"
            width={WIDTH}
            height={HEIGHT}
            viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
            preserveAspectRatio="none"
            aria-hidden="true"
            focusable="false"
        >
            {values.map((value, index) => {
                const height = value === 0 ? 1 : Math.max(2, (HEIGHT * value) / top);
                return (
                    <rect
                        key={index}
                        class={value === 0 ? "none" : undefined}
                        x={index * slot + 0.75}
                        width={slot - 1.5}
                        y={HEIGHT - height}
                        height={height}
                        rx="1"
                    />
                );
            })}
        </svg>
    );
}
