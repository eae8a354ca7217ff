import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

import { Icon } from "./icons";
import { Menu, type MenuItem } from "./menu";
import { type Tab, Tabs } from "./tabs";

interface Props {
    title: string;
    class?: string;
    tabs?: readonly Tab[];
    /** The tabs after so many are in a menu; undefined: none. */
    shown?: number | undefined;
    tab?: string;
    onTab?: (id: string) => void;
    menu: MenuItem[];
    /** Beside the heading. */
    aside?: ComponentChildren;
    /** New numbers are on their way; those shown are the old ones. */
    stale: boolean;
    children: ComponentChildren;
}

/** The frame of a panel: heading, tabs, menu, and a body that says when it is not up to date. */
export function Panel({ title, class: name = "", tabs = [], shown, tab, onTab, menu, aside, stale, children }: Props) {
    const id = useId();
    const tabbed = tabs.length > 1 && tab !== undefined;
    const strip = tabs.slice(0, shown);
    const others = tabs.slice(strip.length);
    const other = others.find((one) => one.id === tab);
    return (
        <section class={`panel ${name}`} aria-labelledby={`${id}-title`}>
            <div class="panel-head">
                <h2 id={`${id}-title`}>{title}</h2>
                {tabbed && onTab && (
                    <div class="tab-bar">
                        <Tabs label={title} tabs={strip} active={tab} controls={id} onChoose={onTab} />
                        {others.length > 0 && (
                            <Menu
                                label={`${title} by: ${other?.label ?? "more"}`}
                                kind={other ? "tab-more chosen" : "tab-more"}
                                align="end"
                                items={others.map((one) => ({ label: one.label, checked: one.id === tab, run: () => onTab(one.id) }))}
                            >
                                <span>{other?.label ?? "More"}</span>
                                <Icon name="down" size={12} />
                            </Menu>
                        )}
                    </div>
                )}
                {aside}
                {menu.length > 0 && (
                    <Menu label={`${title}: more`} items={menu} kind="icon-button" align="end">
                        <Icon name="more" />
                    </Menu>
                )}
            </div>
            <div
                class={stale ? "panel-body stale" : "panel-body"}
                id={id}
                aria-busy={stale}
                {...(tabbed ? { role: "tabpanel", "aria-labelledby": `${id}-${other ? "title" : tab}` } : {})}
            >
                {children}
            </div>
        </section>
    );
}
