import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";

/** A view that is fetched when it is first shown. A server that was updated meanwhile no longer has the old file: then a reload helps. */
export function lazy<P extends object>(load: () => Promise<{ default: ComponentType<P> }>): ComponentType<P> {
    let loaded: ComponentType<P> | undefined;
    return function Lazy(props: P) {
        const [View, setView] = useState<ComponentType<P> | "failed" | undefined>(() => loaded);
        useEffect(() => {
            if (loaded) return;
            load().then(
                (module) => {
                    loaded = module.default;
                    setView(() => module.default);
                },
                () => setView("failed"),
            );
        }, []);
        if (View === "failed")
            return (
                <p class="failure" role="alert">
                    This part could not be loaded. Reload the page: the server may have been updated.
                </p>
            );
        return View ? <View {...props} /> : null;
    };
}
