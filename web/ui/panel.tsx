import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

import { Icon } from "./icons";
import { Menu, type MenuItem } from "./menu";
import { type Tab, Tabs } from "./tabs";

interface Props {
    title: string;
    class?: string;
    tabs?: readonly Tab[];
    tab?: string;
    onTab?: (id: string) => void;
    menu: MenuItem[];
    /** New numbers are on their way; those shown are the old ones. */
    stale: boolean;
    children: ComponentChildren;
}

/** The frame of a panel: heading, tabs, menu, and a body that says when it is not up to date. */
export function Panel({ title, class: name = "", tabs = [], tab, onTab, menu, stale, children }: Props) {
    const id = useId();
    const tabbed = tabs.length > 1 && tab !== undefined;
    return (
        <section class={`panel ${name}`} aria-labelledby={`${id}-title`}>
            <div class="panel-head">
                <h2 id={`${id}-title`}>{title}</h2>
                {tabbed && onTab && <Tabs label={title} tabs={tabs} active={tab} controls={id} onChoose={onTab} />}
                <Menu label={`${title}: more`} items={menu} kind="icon-button" align="end">
                    <Icon name="more" />
                </Menu>
            </div>
            <div
                class={stale ? "panel-body stale" : "panel-body"}
                id={id}
                aria-busy={stale}
                {...(tabbed ? { role: "tabpanel", "aria-labelledby": `${id}-${tab}` } : {})}
            >
                {children}
            </div>
        </section>
    );
}
